/** One CAA property (RFC 8659 §4.1). */
export interface CaaProperty {
  critical: boolean;
  /** Lowercase. */
  tag: string;
  value: string;
}

export interface MxRecord {
  /** Lowercase, no final dot; empty for a null MX (RFC 7505). */
  exchange: string;
  preference: number;
}

export interface HttpReply {
  status: number;
  /** Lowercase names. */
  headers: Record<string, string | undefined>;
  /** At most the limit asked for. */
  body: Uint8Array;
  /** The address that answered. */
  address: string;
  /** Of the last request, after redirects. */
  url: string;
}

/** What is sent to whoever asked to be told. */
export interface Post {
  /** https; http in a closed network alone. */
  url: string;
  headers: Record<string, string>;
  body: Uint8Array;
  /** PEM, trusted besides the system's. */
  roots: readonly string[];
}

export interface TlsPeer {
  /** The protocol that ALPN agreed on, or undefined. */
  alpn: string | undefined;
  /** DER of the end-entity certificate. */
  certificate: Uint8Array;
  address: string;
}

/**
 * All that validation and webhooks ask of the world. Every limit and every refused address lies behind it; tests replace it whole.
 * Each method ends by `signal` or by a limit of its own, and throws a Problem of type `dns`, `connection`, `tls` or `unauthorized`
 * whose detail names what was asked and what went wrong.
 */
export interface Network {
  /** TXT strings of exactly this owner name, each record's parts joined; CNAMEs are followed. None: an empty list. */
  txt(name: string, signal?: AbortSignal): Promise<string[]>;
  /** CAA set of this name alone, CNAMEs followed, no climbing. None: an empty list. A failed lookup throws (RFC 8659 §3). */
  caa(name: string, signal?: AbortSignal): Promise<CaaProperty[]>;
  /** MX set of exactly this owner name; a CNAME at the name or no record: an empty list. */
  mx(name: string, signal?: AbortSignal): Promise<MxRecord[]>;
  /** GET http://name:port/path with redirects as RFC 8555 §8.3 and our limits have them. */
  get(url: { name: string; path: string }, signal?: AbortSignal): Promise<HttpReply>;
  /** POST to a URL under the same limits, its certificate verified; redirects are not followed, and the answer's body is not read. `retryAfter` is the header. */
  post(request: Post, signal?: AbortSignal): Promise<{ status: number; address: string; retryAfter?: string }>;
  /** TLS to the name on the validation port, SNI the name, the given ALPN protocol offered; the peer's certificate is not judged. */
  tls(name: string, alpn: string, signal?: AbortSignal): Promise<TlsPeer>;
}
