import type { LocalTrack, RemoteTrack } from '@wac/sdk';
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { Call } from '../call.js';

/** Widths that are asked for, in pixels: few, so that a window that is drawn larger does not ask all the time. */
const WIDTHS = [160, 320, 640, 1_280, 1_920];
/** Width of a camera's picture for its height. */
const WIDE = 16 / 9;

/** How wide a picture is wanted that is shown so wide, in pixels of the screen. */
export const widthFor = (shown: number): number => WIDTHS.find(width => width >= shown) ?? 3_840;

/** Somebody's picture, wanted as wide as it is shown. */
export function Picture({ call, track, name }: { call: Call; track: RemoteTrack; name: string }): JSX.Element {
  const element = useRef<HTMLVideoElement>(null);
  const { userId, source } = track;
  useEffect(() => {
    const video = element.current;
    if (!video) return;
    let wanted = 0;
    const observer = new ResizeObserver(() => {
      // A face fills its tile, whatever that cuts off.
      const shown = source === 'camera' ? Math.max(video.clientWidth, video.clientHeight * WIDE) : video.clientWidth;
      const maxWidth = widthFor(shown * devicePixelRatio);
      if (maxWidth === wanted || video.clientWidth === 0) return;
      wanted = maxWidth;
      call.media.subscribe(userId, source, { on: true, maxWidth });
    });
    observer.observe(video);
    return () => observer.disconnect();
  }, [call, userId, source]);
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
export function Sound(props: { track: RemoteTrack; isLoud: boolean; speaker: string | undefined }): JSX.Element {
  const { track, isLoud, speaker } = props;
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
  useEffect(() => {
    if (speaker !== undefined) element.current?.setSinkId(speaker).catch(() => {});
  }, [speaker]);
  return <audio ref={element} autoplay muted={!isLoud} />;
}
