/** The shapes that a source declares: name → [field, type] pairs. */
export function shapesIn(text: string): Map<string, [string, string][]>;
/** The AssemblyScript of one source. `shapes` are those of all sources. */
export function expand(text: string, shapes: Map<string, [string, string][]>): string;
