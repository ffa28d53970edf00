import { escapeHtml } from '../../model/html.ts';
import type { Reply } from '../reply.ts';
import { page } from '../views.ts';
import { type OpenApiOperation, openApi } from './openapi.ts';

/** The description for people: the same document as a page. */
export function reference(): Reply {
  const { info, servers, paths } = openApi();
  const base = servers[0]?.url ?? '';
  const sections = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => section(`${method.toUpperCase()} ${base}${path}`, operation)),
  );
  return page('Admin API', [
    `${escapeHtml(info.description)} The same for programs: <a href="${base}/openapi.json">openapi.json</a>.`,
    ...sections.map(parts => parts.join('<br>\n')),
  ]);
}

function section(title: string, { summary, security, parameters, requestBody }: OpenApiOperation): string[] {
  const scope = security.flatMap(({ bearer }) => bearer).join(', ');
  const body = requestBody?.content['application/json'].schema as BodySchema | undefined;
  const inBody = Object.entries(body?.properties ?? {}).map(([name, schema]) => ({
    name,
    where: 'body',
    required: body?.required?.includes(name) ?? false,
    description: schema.description,
  }));
  const members = [...parameters.map(p => ({ name: p.name, where: p.in, required: p.required, description: p.description })), ...inBody];
  return [
    `<strong><code>${escapeHtml(title)}</code></strong>`,
    `${escapeHtml(summary)} (scope ${escapeHtml(scope)})`,
    ...members.map(
      ({ name, where, required, description }) =>
        `<code>${escapeHtml(name)}</code> in the ${where}${required ? ', required' : ''}${description ? `: ${escapeHtml(description)}` : ''}`,
    ),
  ];
}

interface BodySchema {
  properties?: Record<string, { description?: string }>;
  required?: string[];
}
