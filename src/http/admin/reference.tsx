import type { VNode } from 'preact';
import type { Reply } from '../reply.ts';
import { page } from '../views.tsx';
import { type OpenApi, type OpenApiOperation, openApi } from './openapi.ts';

/** The description for people: the same document as a page. */
export const reference = (): Reply => page('Admin API', <ReferencePage {...openApi()} />);

export function ReferencePage({ info, servers, paths }: Pick<OpenApi, 'info' | 'servers' | 'paths'>): VNode {
  const base = servers[0]?.url ?? '';
  return (
    <>
      <p>
        {info.description} The same for programs: <a href={`${base}/openapi.json`}>openapi.json</a>.
      </p>
      {Object.entries(paths).map(([path, methods]) =>
        Object.entries(methods).map(([method, operation]) => (
          <Section title={`${method.toUpperCase()} ${base}${path}`} operation={operation} />
        )),
      )}
    </>
  );
}

function Section({ title, operation }: { title: string; operation: OpenApiOperation }): VNode {
  const scope = operation.security.flatMap(({ bearer }) => bearer).join(', ');
  return (
    <p>
      <strong>
        <code>{title}</code>
      </strong>
      <br />
      {operation.summary} (scope {scope})
      {membersOf(operation).map(({ name, where, required, description }) => (
        <>
          <br />
          <code>{name}</code> in the {where}
          {required && ', required'}
          {description && `: ${description}`}
        </>
      ))}
    </p>
  );
}

/** What a request carries: in the path, the query, the headers and the body. */
function membersOf({ parameters, requestBody }: OpenApiOperation) {
  const body = requestBody?.content['application/json'].schema as BodySchema | undefined;
  const inBody = Object.entries(body?.properties ?? {}).map(([name, { description }]) => ({
    name,
    where: 'body',
    required: body?.required?.includes(name) ?? false,
    description,
  }));
  return [...parameters.map(p => ({ name: p.name, where: p.in, required: p.required, description: p.description })), ...inBody];
}

interface BodySchema {
  properties?: Record<string, { description?: string }>;
  required?: string[];
}
