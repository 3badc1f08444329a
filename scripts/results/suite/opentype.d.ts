/** What the glyphs need of opentype.js; the types that others keep for it bring the browser's along. */
declare module "opentype.js" {
  export interface Path {
    getBoundingBox(): { x1: number; y1: number; x2: number; y2: number };
    toPathData(decimals: number): string;
  }
  export interface Font {
    names: { fontFamily?: Record<string, string> };
    charToGlyphIndex(letter: string): number;
    getPath(letter: string, x: number, y: number, size: number): Path;
  }
  /** A CommonJS module: what it exports is its default. */
  const opentype: { parse: (file: ArrayBuffer) => Font };
  export default opentype;
}
