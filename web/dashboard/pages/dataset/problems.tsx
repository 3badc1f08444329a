/** Why an upload was refused, file by file. */
import type { JSX } from "preact";
import { fileAsSent } from "../../../../client/index.ts";
import type { Dataset } from "../../../../schemas/dataset.ts";
import { Section } from "../../elements/basics.tsx";
import { count, counted } from "../../format.ts";

export function Problems({ dataset }: { dataset: Dataset }): JSX.Element | null {
  const { problems, status } = dataset;
  if (problems.length === 0) return null;
  const inFiles = problems.some(({ file }) => file !== null);
  const inRows = problems.some(({ row }) => row !== null);
  return (
    <Section
      title={status === "rejected" ? "Why it was refused" : "What was found"}
      aside={counted(problems.length, "problem")}
    >
      <div class="scroll-x" tabIndex={0} role="group" aria-label="Problems, file by file">
        <table>
          <thead>
            <tr>
              {inFiles ? <th scope="col">File</th> : null}
              {inRows ? (
                <th scope="col" class="number">
                  Row
                </th>
              ) : null}
              <th scope="col">What is wrong, and what would be right</th>
            </tr>
          </thead>
          <tbody>
            {problems.map(({ file, row, detail }, at) => (
              <tr key={at}>
                {inFiles ? <td class="file-name">{file === null ? "–" : fileAsSent(file)}</td> : null}
                {inRows ? <td class="number">{row === null ? "–" : count(row)}</td> : null}
                <td>{detail}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {status === "rejected" ? (
        <p class="soft under-bar">Mend these and drop it again: nothing of this upload was kept.</p>
      ) : null}
    </Section>
  );
}
