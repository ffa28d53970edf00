import type { Page, Position } from '../../src/store/pages.ts';

/** All rows, read in pages of so many, each page from the last row of the page before. */
export async function paged<Row>(limit: number, read: (page: Page) => Promise<Row[]>, positionOf: (row: Row) => Position): Promise<Row[]> {
  const rows: Row[] = [];
  for (let after: Position | undefined; ; ) {
    const page = await read({ limit, after });
    rows.push(...page);
    const last = page.at(-1);
    if (!last) return rows;
    after = positionOf(last);
  }
}
