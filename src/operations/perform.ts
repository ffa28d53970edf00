import { recordAlone } from '../ca/audit/record.ts';
import type { Ctx } from '../ctx.ts';
import type { Actor } from '../model/audit.ts';
import { Problem } from '../model/problem.ts';
import type { Page } from '../store/pages.ts';
import type { Listed, Operation } from './operation.ts';

/*
 * How every operator's door has an operation done: what it reads of people, and what it was refused, is recorded here, for all of them alike.
 */

/** An operation that somebody asks for. */
export interface Asked {
  operation: Operation;
  /** Its input, as its schema gives it. */
  values: Record<string, unknown>;
  actor: Actor;
}

/** @returns its output, as its schema has it @throws what the operation throws */
export async function perform(ctx: Ctx, asked: Asked, progress?: (line: string) => void): Promise<unknown> {
  const { operation, values, actor } = asked;
  const output = await recordingRefusal(ctx, asked, async () => operation.output.parse(await operation.run(ctx, values, actor, progress)));
  await recordReading(ctx, asked, Array.isArray(output) ? output.length : undefined);
  return output;
}

/** A page of a list. */
export async function performPage(ctx: Ctx, asked: Asked, page: Page): Promise<Listed> {
  const { operation, values } = asked;
  const listed = (await operation.page?.(ctx, values, page)) ?? { items: [] };
  const items = operation.output.parse(listed.items) as unknown[];
  await recordReading(ctx, asked, items.length);
  return { ...listed, items };
}

/** Before anything leaves: what cannot be recorded is not told. */
async function recordReading(ctx: Ctx, { operation, values, actor }: Asked, rows: number | undefined): Promise<void> {
  if (!operation.showsPersonal) return;
  const subject = subjectOf(operation, values);
  const detail = {
    operation: operation.name,
    ...(rows !== undefined && { rows, by: Object.keys(values).filter(n => values[n] !== undefined) }),
  };
  await recordAlone(ctx, actor, { action: 'personal-data.read', subject, detail });
}

async function recordingRefusal<T>(ctx: Ctx, { operation, values, actor }: Asked, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Problem && error.type !== 'serverInternal' && !onlyReads(operation)) {
      const detail = { operation: operation.name, type: error.type };
      const event = { action: 'operation.refused', subject: subjectOf(operation, values), detail } as const;
      // Whoever asked learns why it was refused, also where that could not be written down.
      await recordAlone(ctx, actor, event).catch(err => ctx.log.error({ err }, 'a refusal could not be recorded'));
    }
    throw error;
  }
}

const onlyReads = ({ http }: Operation): boolean => http !== 'never' && http.method === 'get';

/** The inputs that are ids, by what they are the id of. */
const ids: Record<string, string> = {
  member: 'member',
  issuer: 'issuer',
  kid: 'eab',
  serial: 'serial',
  key: 'key',
  thumbprint: 'thumbprint',
};

/** A name typed by mistake in the place of an id is none. An account may be given by its URL. */
const isId = (text: string): boolean => /^([a-z2-7]{16}|[0-9a-f]{16,64}|[\w-]{43})$/.test(text);

/** What was asked for, by id alone: whatever else was typed may name people. */
function subjectOf({ name }: Operation, values: Asked['values']): Record<string, string> {
  const [noun = ''] = name.split(' ');
  return Object.fromEntries(
    Object.entries(values).flatMap(([input, value]) => {
      const what = input === 'id' ? noun : ids[input];
      const id = typeof value === 'string' ? (value.split('/').at(-1) ?? '') : '';
      return what !== undefined && isId(id) ? [[what, id]] : [];
    }),
  );
}
