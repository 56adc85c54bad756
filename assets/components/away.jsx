// Shows its children while the page has no line to the server, or hears nothing on it.
import { useEffect, useState } from "react";

export function Away({ children }) {
  const [away, setAway] = useState(false);
  useEffect(() => {
    const timer = setInterval(() => setAway(window.asynccoder.isAway()), 500);
    return () => clearInterval(timer);
  }, []);
  return away ? children : null;
}
