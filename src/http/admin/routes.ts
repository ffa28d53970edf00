import type { Operation } from '../../operations/operation.ts';
import { operations } from '../../operations/table.ts';

export const base = '/admin/v1';

export interface AdminRoute {
  operation: Operation;
  method: 'get' | 'post';
  /** With `{id}`, from the root. */
  path: string;
  /** Members of the input that stand in the path. */
  inPath: string[];
}

/** One for each operation. */
export const routes: AdminRoute[] = operations.map(operation => ({
  operation,
  method: operation.http.method,
  path: base + operation.http.path,
  inPath: [...operation.http.path.matchAll(/{(\w+)}/g)].map(([, name = '']) => name),
}));

/** The resource that an act is done to, `/members/{id}` of `/members/{id}/suspend`: how it is read. */
export function resourceOf({ path, inPath }: AdminRoute): AdminRoute | undefined {
  if (inPath.length === 0) return undefined;
  return routes.find(
    other => other.method === 'get' && (path === other.path || path.startsWith(`${other.path}/`)) && other.inPath.length > 0,
  );
}
