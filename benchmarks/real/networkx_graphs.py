"""NetworkX: shortest paths, centrality, matching, flows and communities on random graphs."""

import inputs
import networkx as nx

DEFAULT_SIZE = 2100
PACKAGES = ("networkx",)


def run(step, size):
    for i in range(size):
        graph = nx.gnp_random_graph(60, 0.08, seed=i)
        rng = inputs.generator(i)
        for u, v in graph.edges:
            graph[u][v]["weight"] = graph[u][v]["capacity"] = rng.randint(1, 20)
        kind = i % 4
        if kind == 0:
            lengths = dict(nx.all_pairs_dijkstra_path_length(graph, cutoff=30))
            result = sum(sum(each.values()) for each in lengths.values())
        elif kind == 1:
            result = [round(value, 9) for value in nx.betweenness_centrality(graph, weight="weight").values()]
        elif kind == 2:
            result = [nx.maximum_flow_value(graph, 0, target) for target in (20, 40)], \
                sorted(map(sorted, nx.max_weight_matching(graph.subgraph(range(30)))))
        else:
            result = sorted(map(sorted, nx.community.label_propagation_communities(graph))), \
                sorted(sorted(edge) for edge in nx.minimum_spanning_edges(graph, data=False)), nx.is_connected(graph), \
                sorted(map(len, nx.biconnected_components(graph)))
        step(result)
