import type { Express } from 'express';
import type { Ctx } from '../../ctx.ts';
import { notFound } from '../../model/problem.ts';
import { renderProblem } from '../errors.ts';
import { createApp, send } from '../express.ts';
import { createInFlight, type InFlight } from '../in-flight.ts';

/** The admin listener: whether it is alive. */
export function adminApp(ctx: Ctx): Express & Pick<InFlight, 'idle'> {
  const { idle } = createInFlight();
  const app = Object.assign(createApp(ctx.config), { idle });
  app.get('/healthz', (_, res) => send(res, { status: 200, body: { status: 'alive' } }));
  app.use((_, res) => send(res, renderProblem(notFound('page'), ctx.log)));
  return app;
}
