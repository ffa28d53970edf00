import type { Knex } from 'knex';

/** A row's place in its list: when it came, and its id among those of the same second. */
export interface Position {
  at: number;
  id: string;
}

/** So many rows, after that one or from the beginning. */
export interface Page {
  limit: number;
  after?: Position | undefined;
}

interface Order {
  at?: string;
  id?: string;
  newestFirst?: boolean;
  /** The id is bytes in the database, and hex here. */
  bytes?: boolean;
}

/**
 * A list in its order, or one page of it. By position and not by count: whatever is inserted meanwhile, no row comes twice and none is left out; the last
 * page costs what the first does.
 */
export function inPages(query: Knex.QueryBuilder, page: Page | undefined, order: Order = {}): Knex.QueryBuilder {
  const { at = 'created_at', id = 'id', newestFirst = false, bytes = false } = order;
  const direction = newestFirst ? 'desc' : 'asc';
  query.orderBy([
    { column: at, order: direction },
    { column: id, order: direction },
  ]);
  if (!page) return query;
  // A row value, not two conditions with "or": both engines then begin at the place in the index.
  if (page.after) {
    const last = bytes ? Buffer.from(page.after.id, 'hex') : page.after.id;
    query.whereRaw(`(??, ??) ${newestFirst ? '<' : '>'} (?, ?)`, [at, id, page.after.at, last]);
  }
  return query.limit(page.limit);
}
