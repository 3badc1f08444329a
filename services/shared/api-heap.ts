/**
 * Arguments of Node for a process of the api. Answers are garbage within milliseconds: a young generation of this size
 * is collected some dozen times a second in about two milliseconds each, and a larger one only holds more.
 */
export const apiNodeArguments: string[] = ["--max-semi-space-size=8"];
