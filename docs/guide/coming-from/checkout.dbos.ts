import { DBOS } from "@dbos-inc/dbos-sdk";

interface Order {
  card: string;
  cents: number;
  items: string[];
}

async function charge(order: Order): Promise<string> {
  console.log(`${order.cents} from ${order.card}`);
  return `${order.cents} from ${order.card}`;
}

async function refund(receipt: string): Promise<void> {
  console.log(`back: ${receipt}`);
}

async function ask(order: string | undefined, cents: number): Promise<void> {
  console.log(`${cents}? Send true or false to ${order}`);
}

async function ship(item: string): Promise<string> {
  console.log(`${item} is on its way`);
  return `parcel with ${item}`;
}

async function checkoutFunction(order: Order): Promise<string[]> {
  const receipt = await DBOS.runStep(() => charge(order), { name: "charge" });
  try {
    await DBOS.runStep(() => ask(DBOS.workflowID, order.cents), { name: "ask" });
    const timeoutSeconds = 2 * 24 * 60 * 60;
    if (!(await DBOS.recv<boolean>("approval", { timeoutSeconds }))) {
      throw new Error("not approved");
    }
    const retry = { name: "ship", retriesAllowed: true, maxAttempts: 5 };
    const shipments = await Promise.allSettled(
      order.items.map((item) => DBOS.runStep(() => ship(item), retry)),
    );
    return shipments.map((shipment) => {
      if (shipment.status === "rejected") throw shipment.reason;
      return shipment.value;
    });
  } catch (error) {
    await DBOS.runStep(() => refund(receipt), { name: "refund" });
    throw error;
  }
}

const checkout = DBOS.registerWorkflow(checkoutFunction, { name: "checkout" });

async function main(): Promise<void> {
  DBOS.setConfig({
    name: "orders",
    systemDatabaseUrl: process.env.DBOS_SYSTEM_DATABASE_URL,
  });
  await DBOS.launch();
  const order = { card: "4242", cents: 1200, items: ["tea", "cup"] };
  const handle = await DBOS.startWorkflow(checkout, { workflowID: "order-42" })(order);
  console.log(await handle.getResult());
  await DBOS.shutdown();
}

main().catch(console.error);
