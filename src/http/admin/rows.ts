import { once } from 'node:events';
import type { Response } from 'express';
import type { z } from 'zod';
import { csvLine } from '../../model/csv.ts';

export const ndjson = 'application/x-ndjson';

/** Forms in which a list is streamed, by media type. */
export const rowFormats: Record<string, RowFormat> = {
  [ndjson]: { head: () => '', row: item => `${JSON.stringify(item)}\n` },
  // RFC 4180
  'text/csv': {
    head: csvLine,
    row: (item, columns) => csvLine(columns.map(column => (item as Record<string, unknown>)[column])),
  },
};

interface RowFormat {
  head(columns: string[]): string;
  row(item: unknown, columns: string[]): string;
}

/** Members of what a list's schema holds. */
export const columnsOf = (list: z.ZodType): string[] => Object.keys((list as z.ZodArray<z.ZodObject>).element.shape);

/**
 * Writes page after page, no faster than they are taken; whoever goes away ends it.
 * @throws what the first page throws, before anything is written: that has an answer of its own
 */
export async function writeRows(res: Response, type: string, columns: string[], pages: AsyncIterable<unknown[]>): Promise<void> {
  const format = rowFormats[type] as RowFormat;
  const begin = () => {
    res.status(200).setHeader('Content-Type', type === 'text/csv' ? 'text/csv; charset=utf-8' : type);
    if (res.req.method !== 'HEAD') res.write(format.head(columns));
  };
  const gone = new AbortController();
  res.once('close', () => gone.abort());
  for await (const page of pages) {
    if (res.closed) return;
    if (!res.headersSent) begin();
    if (res.req.method === 'HEAD') break;
    const taken = res.write(page.map(item => format.row(item, columns)).join(''));
    if (!taken) await once(res, 'drain', { signal: gone.signal }).catch(() => {});
  }
  if (!res.headersSent) begin();
  res.end();
}
