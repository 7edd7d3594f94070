import type { LocalTrack, RemoteTrack } from '@wac/sdk';
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

/** Somebody's picture. */
export function Picture({ track, name }: { track: RemoteTrack; name: string }): JSX.Element {
  const element = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    const video = element.current;
    if (!video) return;
    track.attach(video).catch(() => {});
    return () => track.detach(video);
  }, [track]);
  return <video ref={element} class={track.source} aria-label={name} autoplay playsinline muted />;
}

/** What this device sends. */
export function OwnPicture({ local, name }: { local: LocalTrack; name: string }): JSX.Element {
  const element = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    const video = element.current;
    if (!video) return;
    video.srcObject = new MediaStream([local.track]);
    video.play().catch(() => {});
  }, [local.track]);
  return <video ref={element} class={`own ${local.source}`} aria-label={name} autoplay playsinline muted />;
}

/** Somebody's sound. */
export function Sound({ track, isLoud }: { track: RemoteTrack; isLoud: boolean }): JSX.Element {
  const element = useRef<HTMLAudioElement>(null);
  useEffect(() => {
    const audio = element.current;
    if (!audio) return;
    // Where the browser wants a click first, the next one anywhere will do.
    const play = (): void => void track.attach(audio).catch(() => {});
    play();
    document.addEventListener('click', play, { once: true });
    return () => {
      document.removeEventListener('click', play);
      track.detach(audio);
    };
  }, [track]);
  return <audio ref={element} autoplay muted={!isLoud} />;
}
