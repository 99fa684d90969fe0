//! Resources in the order of their needs. Petgraph stays inside; cycles of components end here.

use std::collections::{BTreeMap, HashMap};

use petgraph::algo::{tarjan_scc, toposort};
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef;

use crate::diagnostic::{Diagnostic, Report};
use crate::model::resource::{Assertion, Output, Program, Resource};
use crate::model::term::Term;
use crate::name::{Address, Name, Table};
use crate::source::Span;

/// A program whose resources can be put in order. An edge goes from what is needed to what needs it,
/// and carries the place that says so.
#[derive(Clone, Debug)]
pub struct ResourceGraph {
    pub project: Option<std::sync::Arc<str>>,
    pub outputs: Vec<Output>,
    pub assertions: Vec<Assertion>,
    /// Params that were given a value, and where.
    pub given: BTreeMap<Name, Span>,
    graph: DiGraph<Resource, Span>,
    index: Table<Address, NodeIndex>,
    /// Needed before needing; otherwise in the order of the addresses.
    order: Vec<NodeIndex>,
}

/// The graph of a program; nothing when there is a cycle, which is reported.
pub fn build(mut program: Program, report: &mut Report) -> Option<ResourceGraph> {
    let mut resources = std::mem::take(&mut program.resources);
    resources.sort_by(|one, two| one.address.cmp(&two.address));
    let addresses: Vec<Address> = resources.iter().map(|resource| resource.address.clone()).collect();
    let mut graph = DiGraph::with_capacity(addresses.len(), addresses.len());
    // The order of equals in the topological sort follows from this.
    resources.into_iter().rev().for_each(|resource| {
        graph.add_node(resource);
    });
    let node_of = |at: usize| NodeIndex::new(addresses.len() - 1 - at);
    let index: Table<Address, NodeIndex> =
        addresses.iter().enumerate().map(|(at, address)| (address.clone(), node_of(at))).collect();
    report_same(&graph, report);
    for node in graph.node_indices() {
        for (address, span) in graph[node].needs() {
            if let Some(needed) = index.get(&address) {
                graph.add_edge(*needed, node, span);
                continue;
            }
            // A group stands for everything in it, which sorts right behind its own address.
            let first = addresses.partition_point(|other| *other < address);
            let inside = addresses[first..].iter().take_while(|other| other.segments().starts_with(address.segments()));
            for at in (first..).zip(inside).map(|(at, _)| at) {
                graph.add_edge(node_of(at), node, span);
            }
        }
    }
    late(&mut graph, &index);
    match toposort(&graph, None) {
        Ok(_) if report.has_errors() => None,
        Ok(order) => {
            let Program { project, outputs, assertions, .. } = program;
            Some(ResourceGraph { project, outputs, assertions, given: BTreeMap::new(), graph, index, order })
        }
        Err(_) => {
            report_cycles(&graph, report);
            None
        }
    }
}

/// What is made of an attribute comes after everything that decides its value: an address that leads to a machine is
/// the machine's address from then on. A component that one of these needs itself has the value of before.
fn late(graph: &mut DiGraph<Resource, Span>, index: &Table<Address, NodeIndex>) {
    let mut deciding: HashMap<(&Address, &Name), Vec<NodeIndex>> = HashMap::new();
    for node in graph.node_indices() {
        for (_, attributes, of) in graph[node].alters() {
            for address in of {
                let Some((address, _)) = index.get_key_value(&address) else { continue };
                attributes.iter().for_each(|name| deciding.entry((address, name)).or_default().push(node));
            }
        }
    }
    if deciding.is_empty() {
        return;
    }
    let mut wishes = Vec::new();
    for node in graph.node_indices() {
        let resource = &graph[node];
        let mut made_of = |term: &Term, span: Span| {
            term.outputs(&mut |address, name| {
                let before = deciding.get(&(address, name)).into_iter().flatten().filter(|before| **before != node);
                wishes.extend(before.map(|before| (*before, node, span)));
            });
        };
        resource.inputs.values().for_each(|input| made_of(&input.term, input.span));
        resource.lifecycle.settings().for_each(|setting| made_of(setting, resource.span));
    }
    let edges = graph.edge_references().map(|edge| (edge.source().index(), edge.target().index()));
    let wished = wishes.iter().map(|(before, node, _)| (before.index(), node.index()));
    let circles = in_circles(edges.chain(wished));
    for (before, node, span) in wishes {
        let circle = circles.get(&before.index());
        if (circle.is_none() || circle != circles.get(&node.index())) && !graph.contains_edge(before, node) {
            graph.add_edge(before, node, span);
        }
    }
}

/// Two components that would make one thing. What exists already may be named twice.
fn report_same(graph: &DiGraph<Resource, Span>, report: &mut Report) {
    let mut seen: HashMap<String, &Resource> = HashMap::new();
    for resource in graph.node_weights().filter(|resource| !resource.lifecycle.start.is_empty()) {
        let Some(identity) = resource.identity() else { continue };
        let Some(other) = seen.insert(identity, resource) else { continue };
        let (one, two) = if other.address < resource.address { (other, resource) } else { (resource, other) };
        let place = |resource: &Resource| {
            let named = resource.schema.identity().next();
            named.and_then(|attribute| resource.inputs.get(&attribute.name)).map_or(resource.span, |input| input.span)
        };
        report.push(
            Diagnostic::error("cloud::plan::taken", format!("`{}` and `{}` have one name", one.address, two.address))
                .label(place(two), format!("`{}` would be the same thing in the cloud", two.address))
                .label(place(one), format!("as `{}`", one.address))
                .help("give one of them another name"),
        );
    }
}

/// One error a cycle, with a label on each step of it.
fn report_cycles(graph: &DiGraph<Resource, Span>, report: &mut Report) {
    for component in tarjan_scc(graph) {
        let itself = |node: NodeIndex| graph.find_edge(node, node).is_some();
        if component.len() == 1 && !itself(component[0]) {
            continue;
        }
        let path = shortest_cycle(graph, &component);
        let Some(first) = path.first() else { continue };
        let name = &graph[*first].address;
        let mut diagnostic =
            Diagnostic::error("cloud::reference::cycle", format!("`{name}` needs itself before it can be started"));
        // Edges run from what is needed; people read "needs" the other way round.
        for (at, node) in path.iter().enumerate().rev() {
            let needing = path[(at + 1) % path.len()];
            if let Some(edge) = graph.find_edge(*node, needing) {
                let text = format!("`{}` needs `{}`", graph[needing].address, graph[*node].address);
                diagnostic = diagnostic.label(graph[edge], text);
            }
        }
        report.push(diagnostic.help("take one of these references out, or let a third component hold both"));
    }
}

/// A shortest way from the first node of a strongly connected component back to itself.
fn shortest_cycle(graph: &DiGraph<Resource, Span>, component: &[NodeIndex]) -> Vec<NodeIndex> {
    let Some(start) = component.iter().copied().min_by(|a, b| graph[*a].address.cmp(&graph[*b].address)) else {
        return Vec::new();
    };
    let inside: std::collections::HashSet<NodeIndex> = component.iter().copied().collect();
    let mut came_from: HashMap<NodeIndex, NodeIndex> = HashMap::new();
    let mut queue = std::collections::VecDeque::from([start]);
    while let Some(node) = queue.pop_front() {
        for edge in graph.edges(node) {
            let next = edge.target();
            if next == start {
                let mut path = vec![node];
                while let Some(before) = came_from.get(&path[path.len() - 1]) {
                    path.push(*before);
                }
                path.reverse();
                return path;
            }
            if inside.contains(&next) && !came_from.contains_key(&next) {
                came_from.insert(next, node);
                queue.push_back(next);
            }
        }
    }
    Vec::new()
}

/// Numbered things that come before themselves, with the number of the circle that each is in. An edge goes
/// from the earlier to the later.
pub fn in_circles(edges: impl IntoIterator<Item = (usize, usize)>) -> HashMap<usize, usize> {
    let graph = DiGraph::<(), ()>::from_edges(edges.into_iter().map(|(one, two)| (one as u32, two as u32)));
    let circles = tarjan_scc(&graph).into_iter().filter(|circle| circle.len() > 1).enumerate();
    circles.flat_map(|(at, circle)| circle.into_iter().map(move |node| (node.index(), at))).collect()
}

impl ResourceGraph {
    /// A program without resources: what tearing everything down aims at.
    pub fn empty(project: Option<std::sync::Arc<str>>) -> ResourceGraph {
        ResourceGraph {
            project,
            outputs: Vec::new(),
            assertions: Vec::new(),
            given: BTreeMap::new(),
            graph: DiGraph::new(),
            index: Table::default(),
            order: Vec::new(),
        }
    }

    /// The same program with nothing in it but its outputs, which may have become impossible.
    pub fn without_resources(self) -> ResourceGraph {
        ResourceGraph { outputs: self.outputs, given: self.given, ..ResourceGraph::empty(self.project) }
    }

    pub fn get(&self, address: &Address) -> Option<&Resource> {
        self.index.get(address).map(|node| &self.graph[*node])
    }

    pub fn len(&self) -> usize {
        self.graph.node_count()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Every resource, what is needed before what needs it.
    pub fn in_order(&self) -> impl Iterator<Item = &Resource> {
        self.order.iter().map(|node| &self.graph[*node])
    }

    /// What must be there before a resource.
    pub fn needs(&self, address: &Address) -> Vec<&Address> {
        let Some(node) = self.index.get(address) else {
            return Vec::new();
        };
        let mut needs: Vec<&Address> = self
            .graph
            .neighbors_directed(*node, petgraph::Direction::Incoming)
            .map(|node| &self.graph[node].address)
            .collect();
        needs.sort();
        needs.dedup();
        needs
    }

    /// The place of an attribute's value, of a name if it has none.
    pub fn place(&self, address: &Address, attribute: Option<&Name>) -> Option<Span> {
        let resource = self.get(address)?;
        let input = attribute.and_then(|name| resource.inputs.get(name));
        Some(input.map_or(resource.span, |input| input.span))
    }
}
