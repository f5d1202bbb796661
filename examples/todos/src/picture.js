// Makes a small square of whatever picture a person chooses: a photograph
// straight from a phone then fits the bucket's limit, and leaves behind where
// it was taken.

const side = 256;

const extensions = {
  "image/webp": "webp",
  "image/png": "png",
};

/** The middle square of a picture file, as WebP, or as PNG where a browser can't write WebP. */
export async function square(file) {
  const bitmap = await createImageBitmap(file).catch(() => {
    throw new Error("This file is not a picture your browser can read.");
  });
  const crop = Math.min(bitmap.width, bitmap.height);
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = side;
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, (bitmap.width - crop) / 2, (bitmap.height - crop) / 2, crop, crop, 0, 0, side, side);
  bitmap.close();
  return new Promise((resolve) => canvas.toBlob(resolve, "image/webp", 0.9));
}

/** The ending of a picture's file name. */
export function fileExtension(picture) {
  return extensions[picture.type];
}
