import type { Operation } from '../../operations/operation.ts';
import { operations } from '../../operations/table.ts';

export const base = '/admin/v1';

export interface AdminRoute {
  operation: Operation;
  method: 'get' | 'post';
  creates: boolean;
  /** With `{id}`, from the root. */
  path: string;
  /** Members of the input that stand in the path. */
  inPath: string[];
}

/** One for each operation that can be done from afar. */
export const routes: AdminRoute[] = operations.flatMap(operation => {
  const { http } = operation;
  if (http === 'never') return [];
  const inPath = [...http.path.matchAll(/{(\w+)}/g)].map(([, name = '']) => name);
  return [{ operation, method: http.method, path: base + http.path, creates: http.creates === true, inPath }];
});

/** The resource that an act is done to, `/members/{id}` of `/members/{id}/suspend`: how it is read. */
export function resourceOf({ path, inPath }: AdminRoute): AdminRoute | undefined {
  if (inPath.length === 0) return undefined;
  return routes.find(
    other => other.method === 'get' && (path === other.path || path.startsWith(`${other.path}/`)) && other.inPath.length > 0,
  );
}
