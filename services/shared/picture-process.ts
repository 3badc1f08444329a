/**
 * The environment of processes that read files of users: nothing of the service's own, so that a fault in a decoder
 * finds no key, no password of Redis and no credential of a bucket. Few arenas: they allocate much and keep little.
 */
export const pictureProcess = { PATH: process.env["PATH"] ?? "", MALLOC_ARENA_MAX: "2" };
