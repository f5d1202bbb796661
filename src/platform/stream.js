// The JavaScript half of stream.rs.

/** The most bytes of a piece. By themselves readers give 4 KiB at a time, each for two turns of the event loop. */
const most = 64 * 1024;

/** Reads into buffers of ours; a stream that knows only its own pieces gives those. */
export function readerOf(stream) {
  try {
    return stream.getReader({ mode: "byob" });
  } catch {
    return stream.getReader();
  }
}

/** The next bytes, or null at the end. */
export async function next(reader) {
  const isOurs = reader instanceof ReadableStreamBYOBReader;
  const { done, value } = await (isOurs ? reader.read(new Uint8Array(most)) : reader.read());
  return done ? null : value;
}

/** Ends a stream that nobody reads. */
export function letGo(stream) {
  if (!stream.locked) stream.cancel().catch(() => {});
}
