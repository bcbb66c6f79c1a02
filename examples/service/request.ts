/** From the bytes of a request to an image; what is wrong with them becomes an HTTP status. */
import type { IncomingMessage } from 'node:http';
import { PIXELS } from '../digits/mnist';

export class HttpError extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
  }
}

/** An image as JSON is at most five characters a pixel; the rest is for those who indent it. */
const MAX_BODY = 16 * PIXELS;

/** The image in the body: PIXELS bytes, or `{ "pixels": [...] }` with as many integers from 0 to 255. */
export async function readImage(request: IncomingMessage): Promise<Uint8Array> {
  const type = request.headers['content-type']?.split(';')[0].trim().toLowerCase();
  if (type === 'application/octet-stream') return checkLength(await readBody(request), 'bytes');
  if (type === 'application/json') return parsePixels((await readBody(request)).toString());
  throw new HttpError(415, `Expected content-type application/octet-stream or application/json but received ${type ?? 'none'}`);
}

/** What comes after the limit is read and dropped, so that the client gets to read the answer. */
function readBody(request: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    request.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length <= MAX_BODY) chunks.push(chunk);
      else reject(new HttpError(413, `Expected at most ${MAX_BODY} bytes but received more`));
    });
    request.on('end', () => resolve(Buffer.concat(chunks)));
    request.on('error', reject);
  });
}

function parsePixels(text: string): Uint8Array {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch (thrown) {
    throw new HttpError(400, `Expected JSON: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
  }
  const pixels: unknown = typeof body === 'object' && body !== null && 'pixels' in body ? body.pixels : undefined;
  if (!Array.isArray(pixels)) throw new HttpError(400, 'Expected { "pixels": [...] }');
  const wrong = pixels.findIndex((pixel) => !Number.isInteger(pixel) || pixel < 0 || pixel > 255);
  if (wrong >= 0) {
    throw new HttpError(400, `Expected integers from 0 to 255 but received ${JSON.stringify(pixels[wrong])} for pixel ${wrong}`);
  }
  return checkLength(Uint8Array.from(pixels), 'pixels');
}

function checkLength(image: Uint8Array, unit: string): Uint8Array {
  if (image.length === PIXELS) return image;
  throw new HttpError(400, `Expected ${PIXELS} ${unit} but received ${image.length}`);
}
