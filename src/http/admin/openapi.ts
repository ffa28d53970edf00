import type { z } from 'zod';
import { errorTypes } from '../../model/problem.ts';
import { scopes } from '../../model/token.ts';
import { jsonSchema, typesOf } from '../../operations/schema-words.ts';
import { paging } from './input.ts';
import { progressType } from './progress.ts';
import { type AdminRoute, base, resourceOf, routes } from './routes.ts';
import { ndjson, rowFormats } from './rows.ts';

/** What of OpenAPI 3.1 we write. */
export interface OpenApi {
  openapi: '3.1.0';
  info: { title: string; version: string; description: string };
  servers: { url: string }[];
  paths: Record<string, Record<string, OpenApiOperation>>;
  components: object;
}

export interface OpenApiOperation {
  operationId: string;
  summary: string;
  tags: string[];
  security: { bearer: string[] }[];
  parameters: OpenApiParameter[];
  requestBody?: { required: boolean; content: { 'application/json': { schema: Schema } } };
  responses: Record<string, object>;
}

export interface OpenApiParameter {
  name: string;
  in: 'path' | 'query' | 'header';
  required: boolean;
  description?: string;
  schema: Schema;
  explode?: false;
}

type Schema = Record<string, unknown>;

const problem = {
  description: 'What is wrong',
  content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
};

/** The API's description, from the schemas that validate its input. */
export function openApi(): OpenApi {
  const paths: OpenApi['paths'] = {};
  for (const route of routes) {
    const path = route.path.slice(base.length);
    paths[path] = { ...paths[path], [route.method]: describe(route) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'xmpp-ca admin API',
      version: '1',
      description:
        'What an operator does, for scripts. Every path wants a bearer token with the scope that it names; admin implies all, members and revoke imply read.',
    },
    servers: [{ url: base }],
    paths,
    components: {
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer', description: `Scopes: ${scopes.join(', ')}` } },
      schemas: { Problem: problemSchema },
    },
  };
}

function describe(route: AdminRoute): OpenApiOperation {
  const { operation, method, inPath } = route;
  const members = Object.keys(operation.input.shape).filter(name => !inPath.includes(name));
  return {
    operationId: operation.name.replace(/ (\w)/g, (_, c: string) => c.toUpperCase()),
    summary: operation.summary,
    tags: [operation.name.split(' ')[0] ?? ''],
    security: [{ bearer: [operation.scope] }],
    parameters: [
      ...parametersOf(operation.input.pick(mask(inPath)), 'path'),
      ...(method === 'get' ? parametersOf(operation.input.pick(mask(members)), 'query') : []),
      ...(operation.page ? parametersOf(paging, 'query') : []),
      ...(method === 'post' ? headersOf(route) : []),
    ],
    ...(method === 'post' && { requestBody: bodyOf(operation.input.pick(mask(members))) }),
    responses: { ...successOf(route), default: problem },
  };
}

const mask = (names: string[]): Record<string, true> => Object.fromEntries(names.map(name => [name, true]));

function parametersOf(schema: z.ZodObject, place: 'path' | 'query'): OpenApiParameter[] {
  return (Object.entries(schema.shape) as [string, z.ZodType][]).map(([name, member]) => {
    const { description, ...rest } = jsonSchema(member, 'input');
    return {
      name,
      in: place,
      required: !member.safeParse(undefined).success,
      ...(typeof description === 'string' && { description }),
      schema: rest,
      ...(typesOf(member).has('array') && { explode: false as const }),
    };
  });
}

function headersOf(route: AdminRoute): OpenApiParameter[] {
  const header = (name: string, description: string, schema: Schema): OpenApiParameter => ({
    name,
    in: 'header',
    required: false,
    description,
    schema,
  });
  return [
    header('Idempotency-Key', 'The same request with the same key is done once and answered alike for 24 hours.', {
      type: 'string',
      pattern: '^[!-~]{1,255}$',
    }),
    ...(resourceOf(route)
      ? [header('If-Match', 'The ETag of the resource as it was read: 412 where it was changed.', { type: 'string' })]
      : []),
  ];
}

function bodyOf(input: z.ZodObject): NonNullable<OpenApiOperation['requestBody']> {
  const schema = jsonSchema(input.strict(), 'input');
  return { required: !input.safeParse({}).success, content: { 'application/json': { schema } } };
}

function successOf({
  operation: { output, page, rows, tellsProgress, formats = {} },
  method,
  creates,
}: AdminRoute): Record<string, object> {
  const schema = jsonSchema(output, 'output');
  const streams = Object.fromEntries(Object.keys(rowFormats).map(type => [type, { schema: { type: 'string' } }]));
  const headers = {
    ...(page && { Link: { description: 'rel="next": the next page, where there is one', schema: { type: 'string' } } }),
    ...(method === 'get' && !page && { ETag: { description: 'for If-Match', schema: { type: 'string' } } }),
  };
  const content = {
    'application/json': { schema },
    ...(page && streams),
    ...(rows && { [ndjson]: { schema: { type: 'string' } } }),
    ...Object.fromEntries(Object.values(formats).map(({ type }) => [type, { schema: { type: 'string' } }])),
    ...(tellsProgress && { [progressType]: { schema: progressSchema(schema) } }),
  };
  return { [creates ? 201 : 200]: { description: creates ? 'Created' : 'Done', headers, content } };
}

const progressSchema = (result: Schema): Schema => {
  const line = (name: string, schema: Schema) => ({ type: 'object', required: [name], properties: { [name]: schema } });
  return {
    description: 'An object a line: how far it is, and at the end the result or the problem',
    oneOf: [line('progress', { type: 'string' }), line('result', result), line('problem', { $ref: '#/components/schemas/Problem' })],
  };
};

const problemSchema: Schema = {
  type: 'object',
  description: 'RFC 9457',
  required: ['type', 'detail', 'status'],
  properties: {
    type: { enum: Object.keys(errorTypes).map(type => `urn:ietf:params:acme:error:${type}`) },
    detail: { type: 'string' },
    status: { type: 'integer' },
    errors: {
      description: 'each mistake in the request: in the body, in the path or the query, or in a header',
      type: 'array',
      items: {
        type: 'object',
        required: ['detail'],
        properties: { detail: { type: 'string' }, pointer: { type: 'string' }, parameter: { type: 'string' }, header: { type: 'string' } },
      },
    },
  },
};
