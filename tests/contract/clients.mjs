// Everything that the TypeScript client can do, against one ingress. Prints what came back as one JSON object.
// Arguments: the URL of the ingress, a key that nobody else uses, and the file of the client's package.
import { pathToFileURL } from "node:url";

const [url, key, file] = process.argv.slice(2);
const { connect, rpc, serde, HttpCallError } = await import(pathToFileURL(file));
const ingress = connect({ url });
const tools = { name: "Tools" };
const counter = { name: "Counter" };
const flow = { name: "Flow" };
const nothing = rpc.opts({ input: serde.empty });
const seen = {};

const attempt = async (work) => {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof HttpCallError)) throw error;
    return { status: error.status, said: JSON.parse(error.responseText) };
  }
};
const until = async (look) => {
  for (;;) {
    const found = await look();
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
};
const awakeable = (box) => until(async () => (await ingress.objectClient({ name: "Box" }, box).get(nothing)).content);

// Calls.
seen.call = await ingress.serviceClient(tools).echo({ a: [1, "ü"] });
seen.callWithoutInput = (await ingress.serviceClient(tools).nothing(nothing)) ?? null
seen.callWithoutInputAsJson = (await attempt(() => ingress.serviceClient(tools).nothing()))?.status ?? 200;
seen.callAnObject = await ingress.objectClient(counter, key).add(3);
seen.callAKeyOfOddLetters = await ingress.objectClient(counter, `${key}/ü ?`).key(nothing);
seen.callByName = await ingress.call({ service: "Tools", handler: "length", parameter: "four" });
seen.callWithHeaders = (await ingress.serviceClient(tools).headers_of(1, rpc.opts({ headers: { "x-own": "1" } })))["x-own"];
seen.callThatFails = await attempt(() => ingress.serviceClient(tools).fail({ code: 418, metadata: { a: "b" } }));

// Idempotency, sends, and their results.
const once = rpc.opts({ idempotencyKey: `${key}-once` });
seen.callOnce = [await ingress.objectClient(counter, key).add(4, once), await ingress.objectClient(counter, key).add(5, once)];
const send = (delay) => ingress.objectSendClient(counter, key).add(6, rpc.sendOpts({ idempotencyKey: `${key}-send`, delay }));
const sent = await send();
seen.send = sent.status;
seen.sendAgain = (await send()).status;
seen.resultOfTheSend = await ingress.result(sent);
const later = await ingress.serviceSendClient(tools).length("later", rpc.sendOpts({ idempotencyKey: `${key}-later`, delay: { milliseconds: 200 } }));
seen.delayedSend = [later.status, "executionTime" in later];
seen.resultOfTheDelayedSend = await ingress.result(later);
seen.sendByName = (await ingress.send({ service: "Counter", handler: "add", key, parameter: 1 })).status;

// A workflow.
const workflow = ingress.workflowClient(flow, key);
const submitted = await workflow.workflowSubmit("Ada");
seen.submit = submitted.status;
seen.submitAgain = (await workflow.workflowSubmit("Eve")).status;
seen.outputTooEarly = (await workflow.workflowOutput()).ready;
await workflow.say("hello");
seen.attach = await workflow.workflowAttach();
seen.output = await workflow.workflowOutput();
seen.resultOfTheWorkflow = await ingress.result(submitted);
seen.sharedHandler = await workflow.said(nothing);
seen.attachToNothing = (await attempt(() => ingress.workflowClient(flow, `${key}-never`).workflowAttach())).status;

// Awakeables.
const resolved = ingress.serviceClient(tools).wait(`${key}-resolved`);
await ingress.resolveAwakeable(await awakeable(`${key}-resolved`), { a: 1 });
seen.resolve = await resolved;
const rejected = attempt(() => ingress.serviceClient(tools).wait(`${key}-rejected`));
await ingress.rejectAwakeable(await awakeable(`${key}-rejected`), "not today");
seen.reject = await rejected;

console.log(JSON.stringify(seen));
