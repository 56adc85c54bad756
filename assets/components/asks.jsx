// Draws nothing; asks when its page is opened, and again whenever `about` is something else.
import { useEffect } from "react";

export function Asks({ about, onAsk }) {
  useEffect(() => { onAsk(); }, [about]);
  return null;
}
