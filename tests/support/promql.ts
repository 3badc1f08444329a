/** PromQL as its own grammar reads it: which metrics an expression asks for, and which labels. */
import { parser } from "@prometheus-io/lezer-promql";

export interface Asked {
  /** Each metric with the labels that it is chosen by. */
  selectors: { metric: string; labels: string[] }[];
  /** Labels by which is grouped or matched. */
  grouped: string[];
}

/** Throws where the expression is none. */
export function askedBy(expression: string): Asked {
  const asked: Asked = { selectors: [], grouped: [] };
  parser.parse(expression).iterate({
    enter: ({ type, from, to, node }) => {
      const text = expression.slice(from, to);
      if (type.isError)
        throw new Error(`'${expression}' cannot be read at ${from}, near '${expression.slice(from, from + 20)}'`);
      if (type.name === "VectorSelector") asked.selectors.push({ metric: "", labels: [] });
      const last = asked.selectors.at(-1);
      const parent = node.parent?.type.name ?? "";
      if (type.name === "Identifier" && parent === "VectorSelector" && last) last.metric = text;
      if (type.name === "LabelName")
        if (/Matcher/.test(parent) && last) last.labels.push(text);
        else asked.grouped.push(text);
    },
  });
  return asked;
}
