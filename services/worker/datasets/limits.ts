/** The bounds within which an upload is read. Each is named in the refusal of whatever crosses it, by the name it has in the environment. */
export interface DatasetLimits {
  /** Bytes of one uploaded file, as it arrives. */
  MAX_UPLOAD_BYTES: number;
  /** Bytes of the samples of a dataset, and of anything an archive unpacks to. */
  MAX_DATASET_BYTES: number;
  /** Files and folders in an archive. */
  MAX_ENTRIES: number;
  /** Bytes of one picture in an archive, packed or not. */
  MAX_ENTRY_BYTES: number;
  /** Width × height of a picture before it is resized. */
  MAX_PIXELS: number;
  MAX_SAMPLES: number;
  MAX_CLASSES: number;
  /** Bytes of one line of a CSV or JSON lines file. */
  MAX_LINE_BYTES: number;
  /** Seconds a check may take. */
  MAX_CHECK_SECONDS: number;
}

export type LimitName = keyof DatasetLimits;

const grouped = (value: number): string => String(value).replace(/\B(?=(\d{3})+(?!\d))/g, ",");

/** `MAX_ENTRIES (150,000)`: how a refusal names the limit that was hit. */
export const nameLimit = (limits: DatasetLimits, name: LimitName): string => `${name} (${grouped(limits[name])})`;
export { grouped };
