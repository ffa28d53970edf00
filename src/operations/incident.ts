import { z } from 'zod';
import { noteIncident } from '../ca/report/ledger.ts';
import { rfc3339 } from '../model/encoding.ts';
import { type Incident, severities } from '../model/ledger.ts';
import { spanOf } from '../model/quarter.ts';
import { listIncidents } from '../store/incidents.ts';
import { words } from './ledger.ts';
import { listing } from './listing.ts';
import { moment, operation, time } from './operation.ts';
import { quarter } from './report.ts';

const shown = z.object({ id: z.string(), at: time, severity: z.enum(severities), what: z.string(), by: z.string(), createdAt: time });

const show = ({ id, at, severity, what, who, createdAt }: Incident) => ({
  ...{ id, at: rfc3339(at), severity, what },
  ...{ by: who, createdAt: rfc3339(createdAt) },
});

export const incidentOperations = [
  operation({
    name: 'incident add',
    summary: 'note what went wrong, for the report to the board',
    scope: 'admin',
    http: { method: 'post', path: '/incidents', creates: true },
    input: z.object({
      what: words.describe('what happened, and what was done; no names of persons'),
      severity: z.enum(severities).default('minor'),
      at: moment.optional().describe('when it happened (RFC 3339); without: now'),
    }),
    output: shown,
    run: async (ctx, { what, severity, at }, actor) => show(await noteIncident(ctx, { what, severity, at: at ?? ctx.now() }, actor)),
  }),
  listing({
    name: 'incident list',
    summary: 'incidents as they were noted',
    scope: 'read',
    http: { method: 'get', path: '/incidents' },
    input: z.object({ quarter: quarter.optional().describe('of this quarter only, such as 2026-Q4') }),
    item: shown,
    read: (ctx, { quarter }, page) => listIncidents(ctx.db, quarter && spanOf(quarter), page),
    show: (_, incidents) => incidents.map(show),
    at: ({ at, id }) => ({ at, id }),
  }),
];
