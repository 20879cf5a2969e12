/** Calls Slipway; says what it refused in words. */

import { Connection, Json, SlipwayError, headersOf, refusalOf } from './pure';

const SECONDS = 70;

export async function call(
  connection: Connection,
  url: string,
  options: { method?: string; body?: Json; person?: string; headers?: Record<string, string> } = {},
): Promise<{ status: number; etag: string; text: string }> {
  const response = await fetch(url, {
    method: options.method ?? 'GET',
    headers: { ...headersOf(connection, options.person), ...options.headers },
    body: options.body === undefined ? undefined : JSON.stringify(options.body),
    redirect: 'error',
    signal: AbortSignal.timeout(SECONDS * 1000),
  });
  const text = await response.text();
  if (response.status >= 400) {
    let body: unknown;
    try {
      body = JSON.parse(text);
    } catch {
      body = undefined;
    }
    throw new SlipwayError(refusalOf(response.status, body));
  }
  return { status: response.status, etag: response.headers.get('etag') ?? '', text };
}
