/** What JSON can carry: NaN and the infinities become null. */
export const finite = (value: number | null): number | null =>
  value !== null && Number.isFinite(value) ? value : null;
