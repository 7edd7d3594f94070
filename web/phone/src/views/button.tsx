import type { JSX } from 'preact';
import { Icon, type IconName } from './icons.js';

/** A round button with a picture; its name is spoken, and shown when one points at it. */
export function IconButton(props: {
  icon: IconName;
  name: string;
  onClick: () => void;
  pressed?: boolean;
  kind?: 'plain' | 'good' | 'bad' | 'on';
  /** Words beside the picture. */
  label?: string;
  disabled?: boolean;
}): JSX.Element {
  const { icon, name, onClick, pressed, kind = 'plain', label, disabled = false } = props;
  return (
    <button
      type="button"
      class={`round ${kind}${label ? ' labelled' : ''}`}
      aria-label={name}
      aria-pressed={pressed}
      title={name}
      disabled={disabled}
      onClick={onClick}
    >
      <Icon name={icon} />
      {label && <span>{label}</span>}
    </button>
  );
}
