import { z } from 'zod';

/** JSON Schema of what a schema takes, or of what it gives: the one form in which schemas are looked into. */
export function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): Record<string, unknown> {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any' });
  return rest;
}

/** The JSON types that a value may have: `string`, `integer`, `array`, … */
export function typesOf(schema: z.ZodType): Set<string> {
  const { type, anyOf } = jsonSchema(schema, 'input') as { type?: string; anyOf?: { type?: string }[] };
  return new Set([type, ...(anyOf ?? []).map(each => each.type)].filter(each => each !== undefined));
}

/** Text, as a command line or a query has it, in the place of the values that an input takes: numbers, flags, lists with commas between. */
export function fromWords(input: z.ZodObject, words: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(words).map(([name, word]) => {
      const schema = input.shape[name];
      return [name, schema && typeof word === 'string' ? fromWord(typesOf(schema as z.ZodType), word) : word];
    }),
  );
}

function fromWord(types: Set<string>, word: string): unknown {
  if ((types.has('integer') || types.has('number')) && /^-?\d+(\.\d+)?$/.test(word)) return Number(word);
  if (types.has('boolean') && /^(true|false)$/.test(word)) return word === 'true';
  if (types.has('array')) return word.split(',').map(part => part.trim());
  return word;
}
