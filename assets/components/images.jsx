// A prompt's images: small where they stand, large in a dialog. They come from our own origin, by the session's cookie.
import { useState } from "react";
import * as Radix from "@radix-ui/react-dialog";
import { ImageOff, X } from "lucide-react";

export const addressOf = (id) => `/files/attachments/${encodeURIComponent(id)}`;

export function Shot({ image, label, onGone }) {
  const [lost, setLost] = useState(false);
  const lose = () => {
    setLost(true);
    fetch(addressOf(image.id)).then((answer) => { if (answer.status === 404) onGone?.(); else if (answer.ok) setLost(false); }, () => {});
  };
  if (lost) return <span className="shot lost" role="img" aria-label={`${label}: no longer there`} title="No longer there"><ImageOff size={16} aria-hidden="true" /></span>;
  return (
    <Radix.Root>
      <Radix.Trigger className="shot" type="button" aria-label={`${label}: show it large`} title={label}><img src={addressOf(image.id)} alt="" onError={lose} /></Radix.Trigger>
      <Radix.Portal>
        <Radix.Overlay className="veil" />
        <Radix.Content className="dialog viewer" aria-describedby={undefined}>
          <header className="row">
            <Radix.Title className="strong grow trunc">{label}</Radix.Title>
            <span className="tiny num">{image.width} × {image.height}</span>
            <Radix.Close className="btn quiet icon sm" aria-label="Close"><X size={14} aria-hidden="true" /></Radix.Close>
          </header>
          <img src={addressOf(image.id)} alt={label} width={image.width} height={image.height} />
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

export function Shots({ images }) {
  if (!images?.length) return null;
  return <ul className="shots" aria-label="Images">{images.map((image, index) => <li key={image.id}><Shot image={image} label={images.length === 1 ? "Image" : `Image ${index + 1} of ${images.length}`} /></li>)}</ul>;
}
