import { z } from 'zod';
import type { Ctx } from '../ctx.ts';
import type { Page, Position } from '../store/pages.ts';
import { type Listed, type Operation, operation } from './operation.ts';

/** An operation that lists: what it reads can be read page by page, by position. */
export function listing<I extends z.ZodObject, T extends z.ZodType, Row>({
  item,
  read,
  show,
  at,
  ...rest
}: Pick<Operation<I>, 'name' | 'summary' | 'scope' | 'http' | 'input' | 'showsPersonal'> & {
  item: T;
  read(ctx: Ctx, input: z.output<I>, page: Page): Promise<Row[]>;
  show(ctx: Ctx, rows: Row[]): z.input<T>[] | Promise<z.input<T>[]>;
  at(row: NoInfer<Row>): Position;
}): Operation {
  const page = async (ctx: Ctx, input: z.output<I>, { limit, after }: Page): Promise<Listed<z.input<T>>> => {
    // One more than wanted tells whether there are more.
    const rows = await read(ctx, input, { limit: limit + 1, after });
    const last = rows.length > limit ? rows[limit - 1] : undefined;
    return { items: await show(ctx, rows.slice(0, limit)), ...(last && { next: at(last) }) };
  };
  return operation({
    ...rest,
    output: z.array(item),
    page,
    async run(ctx, input) {
      const { items } = await page(ctx, input, { limit: Number.MAX_SAFE_INTEGER - 1 });
      return items;
    },
  });
}

/** Of rows that came at `createdAt`. */
export const byCreation = ({ createdAt, id }: { createdAt: number; id: string }): Position => ({ at: createdAt, id });
