import { readConfig } from './src/config.ts';
import { knexConfig } from './src/store/open.ts';

/** For knex's own command (`npx knex migrate:status`), run through tsx; the server migrates by itself. */
export default knexConfig(readConfig(undefined, process.env).database);
