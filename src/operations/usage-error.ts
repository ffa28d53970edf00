/** A command whose words are wrong: exit status 2. */
export class UsageError extends Error {}
