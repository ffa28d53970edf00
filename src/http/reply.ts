/** What a handler answers with; the router alone writes it out. */
export interface Reply {
  status: number;
  headers?: Record<string, string | string[]>;
  /** An object goes out as JSON; bytes and text need their Content-Type among the headers. Absent: no body and no Content-Type. */
  body?: object | Uint8Array | string;
}

export interface WireReply {
  status: number;
  headers: Record<string, string | string[]>;
  /** Text stays text: node sends it in one write with the headers, bytes in a second one. */
  body: Uint8Array | string | undefined;
}

/** Exact Content-Types, without parameters: strict clients compare them byte for byte. */
export function toWire({ status, headers = {}, body }: Reply): WireReply {
  if (body === undefined || typeof body === 'string' || body instanceof Uint8Array) return { status, headers, body };
  return { status, headers: { 'Content-Type': 'application/json', ...headers }, body: JSON.stringify(body) };
}
