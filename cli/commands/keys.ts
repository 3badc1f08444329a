/** `keys`: who may use the service. */
import type { Key, KeyRequest } from "../../client/index.ts";
import type { Command } from "../command.ts";
import { moment } from "../output.ts";
import { list, listLimit, one } from "./lists.ts";

const keyTable = {
  head: ["KEY", "SCOPE", "PROJECT", "NAME", "CREATED", "LAST USED"],
  row: ({ id, scope, project, name, createdAt, lastUsedAt }: Key) => [
    id,
    scope,
    project,
    name,
    moment(createdAt),
    lastUsedAt === null ? "never" : moment(lastUsedAt),
  ],
};

export const keyCommands: readonly Command[] = [
  {
    name: "keys",
    summary: "list keys; also create, delete",
    usage: "",
    takes: [0, 0],
    options: { limit: listLimit },
    example: "npx feature-maps keys",
    notes: ["Needs an admin key where the service asks for keys (AUTH=keys)."],
    run: async (context) => {
      const { client } = await context.connect();
      await list(context, client.access.keys.all(), keyTable);
    },
  },
  {
    name: "keys create",
    summary: "a new key, shown this once",
    usage: "NAME",
    takes: [1, 1],
    options: {
      scope: { value: "SCOPE", help: "write by default", choices: ["read", "write", "admin"] },
      project: { value: "PROJECT", help: "by default that of the key that asks" },
      expires: { value: "TIME", help: "such as 2027-01-01T00:00:00Z; by default never" },
    },
    example: "npx feature-maps keys create laboratory --scope read",
    run: async ({ given, out, signal, connect }) => {
      const { client } = await connect();
      const [scope, project, expiresAt] = [given.text("scope"), given.text("project"), given.text("expires")];
      const request = { name: given.arguments[0], scope, project, expiresAt } as KeyRequest;
      const made = await client.access.keys.create(request, { signal });
      if (out.json) return out.show(made);
      out.note(`${made.id}: keep the key, it is not shown again`);
      out.say(made.key);
    },
  },
  one("keys delete", { summary: "nobody is let in with it any more", usage: "KEY" }, (client, id) =>
    client.access.keys.revoke(id),
  ),
];
