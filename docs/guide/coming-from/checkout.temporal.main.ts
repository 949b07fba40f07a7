import { Client, Connection } from "@temporalio/client";
import { NativeConnection, Worker } from "@temporalio/worker";
import * as activities from "./checkout.temporal.activities";
import { checkout } from "./checkout.temporal.workflows";

async function main(): Promise<void> {
  const worker = await Worker.create({
    connection: await NativeConnection.connect({ address: "localhost:7233" }),
    taskQueue: "orders",
    workflowsPath: require.resolve("./checkout.temporal.workflows"),
    activities,
  });
  const client = new Client({ connection: await Connection.connect() });
  const order = { card: "4242", cents: 1200, items: ["tea", "cup"] };
  const parcels = await worker.runUntil(
    client.workflow.execute(checkout, {
      taskQueue: "orders",
      workflowId: "order-42",
      workflowIdConflictPolicy: "USE_EXISTING",
      args: [order],
    }),
  );
  console.log(parcels);
}

main().catch(console.error);
