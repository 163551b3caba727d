// PURE. What the service says in its headers about when to come again.

/**
 * Milliseconds that a Retry-After header asks to wait: whole or fractional seconds, or an HTTP date. Undefined when the header
 * is absent or says nothing that can be understood. Never negative.
 */
export function retryAfterMs(header: string | undefined, nowMs: number): number | undefined {
  if (header === undefined) return undefined;
  const text = header.trim();
  if (/^\d+(\.\d+)?$/.test(text)) return Math.ceil(Number.parseFloat(text) * 1000);
  // An HTTP date begins with the day's name; Date would make one of nearly everything else.
  const date = /^[a-z]{3,9},? /i.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowMs);
}

/** Resource units left, and milliseconds until there are new ones, as the RateLimit headers say; undefined without them. */
export function rateLimit(
  headers: Readonly<Record<string, string | undefined>>,
): { remaining: number; resetMs: number } | undefined {
  const remaining = wholeNumber(headers['ratelimit-remaining']);
  const reset = wholeNumber(headers['ratelimit-reset']);
  if (remaining === undefined || reset === undefined) return undefined;
  return { remaining, resetMs: reset * 1000 };
}

function wholeNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+$/.test(text.trim()) ? Number(text) : undefined;
}
