/** Every limit on what a validation may cost us. Times are milliseconds, sizes bytes. */
export interface Limits {
  dns: {
    /** First wait for one server; it doubles with each try. */
    timeout: number;
    /** Times each server is asked. */
    tries: number;
    /** For a whole lookup, CNAMEs included. */
    deadline: number;
    cnames: number;
    /** Records in one answer. */
    records: number;
    /** Queries under way at once, of all lookups together. */
    inFlight: number;
  };
  connect: {
    /** For one address. */
    timeout: number;
    /** Addresses tried of each family. */
    addresses: number;
  };
  http: {
    /** For the whole of a check: lookups, connections, redirects and bodies. */
    deadline: number;
    redirects: number;
    headers: number;
    body: number;
  };
  post: {
    /** For the whole, up to the head of the answer. */
    deadline: number;
  };
  tls: {
    /** For the whole of a check. */
    deadline: number;
  };
}

export const defaults: Limits = {
  dns: { timeout: 2000, tries: 2, deadline: 10_000, cnames: 8, records: 100, inFlight: 64 },
  connect: { timeout: 2000, addresses: 2 },
  http: { deadline: 10_000, redirects: 10, headers: 16_384, body: 16_384 },
  post: { deadline: 15_000 },
  tls: { deadline: 10_000 },
};
