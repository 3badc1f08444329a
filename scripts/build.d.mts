/** Builds what changed since the last build; the names of the steps that ran. */
export function build(options?: { force?: boolean }): Promise<string[]>;
