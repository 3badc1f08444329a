/** engine/kernels/assembly's dispatch.ts; throws an Error for a kernel that not exactly one of the sources exports. */
export function dispatchForAssembly(sources: Record<string, string>): string;
