/** The devices that sound and pictures come from and go to. Their names are empty until the user has allowed one. */
export interface MediaDevices {
  microphones: MediaDeviceInfo[];
  cameras: MediaDeviceInfo[];
  speakers: MediaDeviceInfo[];
}

/**
 * The devices there are.
 *
 * @example
 * ```ts
 * const { cameras } = await mediaDevices();
 * await conference.media.useCamera({ deviceId: cameras[1]?.deviceId });
 * ```
 */
export async function mediaDevices(): Promise<MediaDevices> {
  const all = await navigator.mediaDevices.enumerateDevices();
  const of = (kind: MediaDeviceKind): MediaDeviceInfo[] => all.filter(device => device.kind === kind);
  return { microphones: of('audioinput'), cameras: of('videoinput'), speakers: of('audiooutput') };
}

/** Which device, and how. */
export interface DeviceChoice {
  /** As {@link mediaDevices} names it; left out: the browser's choice. */
  deviceId?: string | undefined;
  /** What else is wanted of it. */
  constraints?: MediaTrackConstraints;
}

const CAMERA: MediaTrackConstraints = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } };
const MICROPHONE: MediaTrackConstraints = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };

/** Opens a microphone or a camera. */
export async function openDevice(
  source: 'microphone' | 'camera',
  { deviceId, constraints }: DeviceChoice = {},
): Promise<MediaStreamTrack> {
  const wanted = {
    ...(source === 'camera' ? CAMERA : MICROPHONE),
    ...(deviceId === undefined ? {} : { deviceId: { exact: deviceId } }),
    ...constraints,
  };
  const stream = await navigator.mediaDevices.getUserMedia(source === 'camera' ? { video: wanted } : { audio: wanted });
  const [track] = stream.getTracks();
  if (!track) throw new DOMException('The device gives nothing', 'NotFoundError');
  return track;
}
