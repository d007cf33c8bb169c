/** The chat of `examples/chat.ts`, between three processes on a network of their own. */
import createTestnet from "../../src/hyperdht/testnet/mod.ts";
import { ExampleProcess } from "../helpers/example_process.ts";

Deno.test("G-09 everyone in a topic hears what the others say", async () => {
  await using testnet = await createTestnet(3);
  const [{ host, port }] = testnet.bootstrap as [{ host: string; port: number }];
  const flags = ["--host", host, "--bootstrap", `${host}:${port}`];
  const chatters = [new ExampleProcess("chat", flags)];
  try {
    const [, topic] = await chatters[0]!.printed(/topic ([0-9a-f]{64})/);
    for (let i = 0; i < 2; i++) { // two that come at the same time need not find each other before the next refresh
      const chatter = new ExampleProcess("chat", [topic!, ...flags]);
      chatters.push(chatter);
      await chatter.printed(/topic .*\n/);
    }
    await Promise.all(chatters.map((chatter) => chatter.noticed(/has joined[^]*has joined/)));
    await chatters[1]!.say("hello, all\n");
    await Promise.all(
      [chatters[0]!, chatters[2]!].map((chatter) => chatter.printed(/[0-9a-f]{6}: hello, all\n/)),
    );
  } finally {
    await Promise.all(chatters.map((chatter) => chatter.leave()));
  }
});
