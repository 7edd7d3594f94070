/** The bit rate of a picture in a room that names none, in kbit/s. */
const BITRATE_DEFAULT_KBPS = 2_500;

/** Three sizes of a picture, the least first. */
export function layersOf(bitrateKbps: number): RTCRtpEncodingParameters[] {
  const most = (bitrateKbps || BITRATE_DEFAULT_KBPS) * 1_000;
  return [
    { rid: 'q', scaleResolutionDownBy: 4, maxBitrate: Math.min(150_000, most) },
    { rid: 'h', scaleResolutionDownBy: 2, maxBitrate: Math.min(500_000, most) },
    { rid: 'f', maxBitrate: most },
  ];
}

/** One size, as large as the room allows. */
export function oneLayer(kind: string, bitrateKbps: number): RTCRtpEncodingParameters[] {
  return kind === 'video' && bitrateKbps > 0 ? [{ maxBitrate: bitrateKbps * 1_000 }] : [{}];
}
