import type { IFlattenedRuleSet } from "dependency-cruiser";
export const rooms: readonly { room: string; may: string[]; node?: boolean; note?: string }[];
declare const law: {
  forbidden: NonNullable<IFlattenedRuleSet["forbidden"]>;
  options: Record<string, unknown> & { enhancedResolveOptions: Record<string, unknown> };
};
export default law;
