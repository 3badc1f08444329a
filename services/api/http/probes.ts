/** Paths of those who look after the process: they must always get through. */
export const isProbe = (url: string): boolean => /^\/(health|v2\/health|metrics)(\/|\?|$)/.test(url);
