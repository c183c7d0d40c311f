// Requests whose answers cannot grow past a limit.

/**
 * Fetches `path` and gives [status, Uint8Array]. Rejects with a TypeError when the server cannot be reached and
 * with a RangeError when the answer has more than `limit` bytes; the rest is then not downloaded.
 */
export async function fetchBounded(path, limit, reload) {
  return bounded(path, limit, reload ? 'no-store' : 'default');
}

/** As fetchBounded, from another server that allows it; the page's policy says which. */
export async function fetchElsewhere(url, limit) {
  return bounded(url, limit, 'no-store');
}

async function bounded(url, limit, cache) {
  const response = await fetch(url, { cache, credentials: 'omit', redirect: 'error', referrerPolicy: 'no-referrer' });
  const pieces = [];
  let length = 0;
  if (response.body) {
    const reader = response.body.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      length += value.length;
      if (length > limit) {
        await reader.cancel();
        throw new RangeError(`more than ${limit} bytes`);
      }
      pieces.push(value);
    }
  }
  const bytes = new Uint8Array(length);
  let offset = 0;
  for (const piece of pieces) {
    bytes.set(piece, offset);
    offset += piece.length;
  }
  return [response.status, bytes];
}
