import type { JSX } from 'preact';

const PATHS = {
  add: 'M12 5v14M5 12h14',
  back: 'M15 5l-7 7 7 7',
  camera: 'M3 7h11a1 1 0 0 1 1 1v8a1 1 0 0 1-1 1H3zM15 11l6-3v8l-6-3',
  cameraOff: 'M3 7h8M15 11l6-3v8l-6-3M15 14v2a1 1 0 0 1-1 1H3V7M3 3l18 18',
  check: 'M5 12l5 5 9-10',
  close: 'M6 6l12 12M18 6L6 18',
  hangUp: 'M3 14c0-4 4-6 9-6s9 2 9 6l-1 2-4-1v-3c-2.500-.8-5.500-.8-8 0v3l-4 1z',
  hold: 'M9 5v14M15 5v14',
  incoming: 'M18 6L7 17M7 9v8h8',
  link: 'M10 14a4 4 0 0 0 6 0l3-3a4 4 0 0 0-6-6l-1 1M14 10a4 4 0 0 0-6 0l-3 3a4 4 0 0 0 6 6l1-1',
  loud: 'M4 10v4h4l5 4V6l-5 4zM16.500 9a4 4 0 0 1 0 6M19 6.500a8 8 0 0 1 0 11',
  microphone: 'M12 3a3 3 0 0 1 3 3v5a3 3 0 0 1-6 0V6a3 3 0 0 1 3-3zM6 11a6 6 0 0 0 12 0M12 17v4',
  microphoneOff:
    'M9 9v2a3 3 0 0 0 4.500 2.600M15 10V6a3 3 0 0 0-5.800-1M6 11a6 6 0 0 0 9.500 4.900M18 11a6 6 0 0 1-.7 2.800M12 17v4M3 3l18 18',
  more: 'M5 12h.01M12 12h.01M19 12h.01',
  outgoing: 'M6 18L17 7M9 7h8v8',
  phone: 'M6 3h3l2 5-2.500 1.500a12 12 0 0 0 6 6L16 13l5 2v3a3 3 0 0 1-3 3A16 16 0 0 1 3 6a3 3 0 0 1 3-3z',
  play: 'M8 5l11 7-11 7z',
  quiet: 'M4 10v4h4l5 4V6l-5 4zM17 9l5 6M22 9l-5 6',
  screen: 'M3 5h18v11H3zM8 20h8M12 16v4',
  search: 'M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM16 16l5 5',
  signOut: 'M14 4H5v16h9M10 12h11M17 8l4 4-4 4',
  story: 'M8 6h12M8 12h12M8 18h12M4 6h.01M4 12h.01M4 18h.01',
  transfer: 'M4 9h13M13 5l4 4-4 4M20 15H7M11 11l-4 4 4 4',
} as const;

/** The pictures there are. */
export type IconName = keyof typeof PATHS;

/** A picture beside words, or within a button that has a name. */
export function Icon({ name }: { name: IconName }): JSX.Element {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}

/** Somebody without a picture: the first letters of his name, on a colour of his own. */
export function Avatar({ name, presence }: { name: string; presence?: string | undefined }): JSX.Element {
  const letters = name
    .split(/[\s._-]+/)
    .slice(0, 2)
    .map(word => word.slice(0, 1).toUpperCase())
    .join('');
  const hue = [...name].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 9_973, 7) % 6;
  return (
    <span class={`avatar hue-${hue}`} aria-hidden="true">
      {letters || '?'}
      {presence && <span class={`dot ${presence}`} />}
    </span>
  );
}
