/**
 * RFC 8555 §6.7: every error type with its usual HTTP status. The one table from which types, statuses and tests derive.
 * `invalidProfile` is of draft-ietf-acme-profiles, `alreadyReplaced` of RFC 9773: sent only to clients that used a profile, or `replaces`.
 */
export const errorTypes = {
  accountDoesNotExist: 400,
  alreadyReplaced: 409,
  alreadyRevoked: 400,
  badCSR: 400,
  badNonce: 400,
  badPublicKey: 400,
  badRevocationReason: 400,
  badSignatureAlgorithm: 400,
  caa: 403,
  compound: 400,
  connection: 400,
  dns: 400,
  externalAccountRequired: 403,
  incorrectResponse: 403,
  invalidContact: 400,
  invalidProfile: 400,
  malformed: 400,
  orderNotReady: 403,
  rateLimited: 429,
  rejectedIdentifier: 400,
  serverInternal: 500,
  tls: 400,
  unauthorized: 403,
  unsupportedContact: 400,
  unsupportedIdentifier: 400,
  userActionRequired: 403,
} as const;

export type ErrorType = keyof typeof errorTypes;

const urn = 'urn:ietf:params:acme:error:';

export interface ProblemExtras {
  /** HTTP status, where it differs from the type's usual one. */
  status?: number;
  subproblems?: Problem[];
  /** The dns name that a subproblem is about (RFC 8555 §6.7.1). */
  identifier?: string;
  /** Accepted JWS algorithms, with badSignatureAlgorithm (§6.2). */
  algorithms?: readonly string[];
  /** The page a person must visit, with userActionRequired (§7.3.3). */
  instance?: string;
  /** Seconds to wait, sent as Retry-After. */
  retryAfter?: number;
  /** The resource that stands in the way, sent as Location (§7.3.5). */
  location?: string;
  /** Values of Link fields: the terms of service, with userActionRequired (§7.3.3). */
  links?: string[];
  /** Value of WWW-Authenticate (RFC 6750 §3). */
  challenge?: string;
  /** Each mistake in the input of the admin API. */
  errors?: Mistake[];
  /** What really happened, for the log only. */
  cause?: unknown;
}

/** What is wrong, and where: in the body (RFC 9457 §3, a JSON Pointer), in the path or the query, or in a header. */
export interface Mistake {
  detail: string;
  pointer?: string;
  parameter?: string;
  header?: string;
}

/** RFC 7807 problem document as JSON. */
export interface ProblemDocument {
  type: string;
  detail: string;
  status?: number;
  subproblems?: ProblemDocument[];
  identifier?: { type: 'dns'; value: string };
  algorithms?: readonly string[];
  instance?: string;
  errors?: Mistake[];
}

/** What goes wrong for a caller: thrown anywhere, rendered once, at the door through which the caller came. */
export class Problem extends Error {
  readonly type: ErrorType;
  readonly extras: ProblemExtras;

  constructor(type: ErrorType, detail: string, extras: ProblemExtras = {}) {
    super(detail, extras.cause === undefined ? undefined : { cause: extras.cause });
    this.name = 'Problem';
    this.type = type;
    this.extras = extras;
  }

  get detail(): string {
    return this.message;
  }

  get status(): number {
    return this.extras.status ?? errorTypes[this.type];
  }

  /**
   * The JSON form. Members without a value are left out: a strict client fails on `null`.
   * `identifier` stands in subproblems only (RFC 8555 §6.7.1).
   */
  toJSON(): ProblemDocument {
    const { subproblems, algorithms, instance, errors } = this.extras;
    return {
      type: urn + this.type,
      detail: this.detail,
      status: this.status,
      ...(algorithms && { algorithms }),
      ...(instance !== undefined && { instance }),
      ...(errors && { errors }),
      ...(subproblems?.length && { subproblems: subproblems.map(p => p.#asSubproblem()) }),
    };
  }

  #asSubproblem(): ProblemDocument {
    const { identifier } = this.extras;
    return { ...this.toJSON(), ...(identifier !== undefined && { identifier: { type: 'dns' as const, value: identifier } }) };
  }
}

/** 404 in RFC 8555's own vocabulary, which has no type for it. */
export function notFound(what: string): Problem {
  return new Problem('malformed', `No such ${what}.`, { status: 404 });
}

/** One problem for several names: with the type that they share, else `compound`; with a subproblem for each (RFC 8555 §6.7.1). */
export function compound(problems: Problem[], detail: string): Problem {
  const [first] = problems;
  if (first && problems.length === 1) return new Problem(first.type, first.detail, { ...first.extras, subproblems: problems });
  const types = new Set(problems.map(p => p.type));
  const type = types.size === 1 && first ? first.type : 'compound';
  return new Problem(type, detail, { subproblems: problems });
}

/** A problem about one name. */
export function about(name: string, problem: Problem): Problem {
  return new Problem(problem.type, problem.detail, { ...problem.extras, identifier: name });
}

/** Turns whatever was thrown into a Problem; an unknown error keeps its detail for the log only. */
export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  return new Problem('serverInternal', 'The server met an internal error; the operator finds the cause in the log.', { cause: error });
}
