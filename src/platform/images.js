// The JavaScript half of images.rs.

/**
 * The bytes of the new image, made of a stream or of bytes. They are read whole: it has at most the few megapixels that were asked for, where the
 * source may have a hundred.
 */
export async function transform(images, source, width, height, crop, gravity, format, quality) {
  let input = images.input(source instanceof ReadableStream ? source : new Response(source).body);
  if (width) input = input.transform({ width, height, fit: crop ? "crop" : "squeeze", ...(crop && { gravity: JSON.parse(gravity) }) });
  const options = format === "image/gif" ? { format, anim: true } : { format, quality };
  return new Uint8Array(await new Response((await input.output(options)).image()).arrayBuffer());
}
